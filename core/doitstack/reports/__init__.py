"""What users read: figures and plans as text. Only reads what others have recorded."""
