"""What runs well where: facts of models without their weights, profiles of machines, and predictions with their error."""
