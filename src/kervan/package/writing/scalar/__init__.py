"""A form as formulas, one for each element: what languages without loops and arrays can say."""
