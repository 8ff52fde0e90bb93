"""Networks: plain modules that know tensors, not RecBole."""
