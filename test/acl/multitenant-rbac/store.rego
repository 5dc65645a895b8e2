package store

implied := {"organization": {"admin": ["user_manager", "billing_manager", "document_manager", "document_viewer"]}}
