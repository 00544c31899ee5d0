"""A model as something that package installers take: a wheel, an npm package, a JAR."""
