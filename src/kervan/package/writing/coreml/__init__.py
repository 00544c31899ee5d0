"""An interpreter of that part of Core ML's specification in which Kervan writes."""
