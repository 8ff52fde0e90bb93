"""What people see: lines and tables that fit the screen, bars, and what to do next."""
