package configs

import "strings"

// KMS names the key that seals the master key's file.
type KMS struct {
	URI       string `yaml:"uri"`        // "", file://…, hcvault://host:port/MOUNT/keys/NAME, gcp-kms://…, aws-kms://…, azure-kv://…
	TokenFile string `yaml:"token_file"` // Vault's token
	Namespace string `yaml:"namespace"`  // Vault's, if any
	CAFile    string `yaml:"ca_file"`    // authority of Vault's certificate; "" the system's
}

func (c *Config) validateKMS(v *problems) {
	scheme, _, _ := strings.Cut(c.KMS.URI, "://")
	v.oneOf("kms.uri: the scheme", scheme, "", "file", "hcvault", "hcvault+http", "gcp-kms", "aws-kms", "azure-kv")
	v.need(!strings.HasPrefix(scheme, "hcvault") || c.KMS.TokenFile != "", "kms.token_file: hcvault needs a file with a token")
}
