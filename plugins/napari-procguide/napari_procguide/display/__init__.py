"""From models to pictures: planes, slices, what lies over them, napari's layers."""
