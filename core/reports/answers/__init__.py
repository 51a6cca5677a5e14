"""What a task's networks answer to test images, clean and attacked."""
