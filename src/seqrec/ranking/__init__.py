"""Full ranking: masks, scores, lists, and rankers that need no training."""
