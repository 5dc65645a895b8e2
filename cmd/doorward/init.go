package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy/keys/local"
)

func initCommand(*global) *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a commented configuration, keys and a starter policy",
		Long: `Writes doorward.yaml, policy/ and keys/ into DIR (default: here). Files that
exist are kept. Keep the keys folder apart from backups of the data directory:
whoever has both can read everything, whoever loses the keys can read nothing.`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return initialise(c, dir)
		},
	}
}

func initialise(c *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", dir, err)
	}
	say := func(what, path string) { fmt.Fprintf(c.OutOrStdout(), "%-8s %s\n", what, path) }
	config := filepath.Join(dir, "doorward.yaml")
	if err := writeNew(config, configs.Default, 0o644, say); err != nil {
		return err
	}
	policies, err := fs.Sub(configs.Policies, "policies/default")
	if err != nil {
		return err
	}
	err = fs.WalkDir(policies, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, "policy", path)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := fs.ReadFile(policies, path)
		if err != nil {
			return err
		}
		return writeNew(target, data, 0o644, say)
	})
	if err != nil {
		return fmt.Errorf("writing the starter policy: %w", err)
	}
	keys := filepath.Join(dir, "keys")
	switch err := local.Create(keys, false); {
	case errors.Is(err, fs.ErrExist):
		say("kept", keys)
	case err != nil:
		return err
	default:
		say("wrote", keys)
	}
	return next(c, dir)
}

func next(c *cobra.Command, dir string) error {
	here := ""
	if dir != "." {
		here = "cd " + dir + "\n  "
	}
	fmt.Fprintf(c.OutOrStdout(), `
Next:
  %s%s
`, here, strings.Join([]string{
		"doorward config check                    # after editing doorward.yaml: name your documents under sources",
		"doorward ingest                          # take them in",
		"doorward keys backend chatbot            # register a backend; prints its key once",
		"doorward serve",
	}, "\n  "))
	return nil
}

// writeNew writes a file unless it exists.
func writeNew(path string, data []byte, mode fs.FileMode, say func(what, path string)) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		say("kept", path)
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return fmt.Errorf("writing %s: %w", path, err)
	}
	say("wrote", path)
	return f.Close()
}
