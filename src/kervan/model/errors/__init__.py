"""Where a model fails: curves, calibration, residuals, segments, groups, doubtful labels, more rows."""
