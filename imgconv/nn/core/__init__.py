"""What the functions of layers share: arguments, borders, and the plans of their loops."""
