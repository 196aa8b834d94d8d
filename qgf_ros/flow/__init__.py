"""Flow matching and guided denoising. Time runs from 0 (noise a_0) to 1 (action a_1)."""
