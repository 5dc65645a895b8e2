package store

implied := {
	"repo": {"admin": ["maintainer"], "maintainer": ["writer"], "writer": ["triager"], "triager": ["reader"]},
	"organization": {"owner": ["member"]},
}
