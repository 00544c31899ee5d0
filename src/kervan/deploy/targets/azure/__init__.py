"""Microsoft Azure: Machine Learning, Container Instances, Functions, IoT Edge."""
