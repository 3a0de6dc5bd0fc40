"""Engines that run models, one module each, behind the interface in `base`."""
