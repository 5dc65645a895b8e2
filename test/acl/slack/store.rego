package store

implied := {
	"workspace": {"legacy_admin": ["channels_admin"], "channels_admin": ["member"]},
	"channel": {"writer": ["commenter"]},
}
