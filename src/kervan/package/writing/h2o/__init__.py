"""Models for H2O's scorer on the Java virtual machine, written without H2O."""
