"""What people see: the screen's width, tables that fit it, bars, and times in words."""
