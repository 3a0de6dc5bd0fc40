"""Results from strangers, checked as data alone: nothing of a contribution is run or imported."""
