package configs

import "embed"

// Policies holds the default policies under policies/default and the policy packs
// under packs, each a folder that loads on its own.
//
//go:embed policies packs
var Policies embed.FS
