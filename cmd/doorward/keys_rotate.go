package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doorward/doorward/api/auth"
)

func keysRotate(g *global) *cobra.Command {
	var overlap time.Duration
	var days int
	cmd := &cobra.Command{
		Use: "rotate NAME", Short: "Give a backend a new key; the old one works on for a while",
		Long: `Makes a new key and a new assertion key. The ones before go on working for
--overlap, so that the callers of a running service can be moved one by one.`,
		Args: exactly(1, "the backend's name"), Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			if overlap < 0 || days < 0 {
				return &exit{exitUsage, fmt.Errorf("--overlap and --days must be 0 or more")}
			}
			return g.register(c, args[0], "rotated", func(r *registration) error {
				now := time.Now().UTC().Truncate(time.Second)
				creds, err := r.list.Rotate(args[0], auth.Rotation{Overlap: overlap, Life: time.Duration(days) * 24 * time.Hour, Now: now})
				if err != nil {
					return err
				}
				return handOver(c.OutOrStdout(), g.json, r.cfg.Keys, args[0], r.tenant(args[0]), creds)
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the keys before go on working; 0 ends them now")
	cmd.Flags().IntVar(&days, "days", 0, "days until the new key expires (default: as long as the last one had)")
	cmd.AddCommand(keysRotations(g)...)
	return cmd
}

func keysRevoke(g *global) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "revoke NAME", Short: "End a backend, or one of its keys, at once; a running service follows within a second", Args: exactly(1, "the backend's name"), Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			return g.register(c, args[0], revoked, func(r *registration) error {
				if err := r.list.Revoke(args[0], key, time.Now().UTC().Truncate(time.Second)); err != nil {
					return err
				}
				if key != "" {
					return said(c.OutOrStdout(), g.json, args[0], "key "+key+" revoked")
				}
				return said(c.OutOrStdout(), g.json, args[0], "revoked")
			})
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "only this key of it, as keys list numbers them")
	return cmd
}

func keysChange(g *global) *cobra.Command {
	var b bounds
	cmd := &cobra.Command{
		Use: "change NAME", Short: "Change what a backend may ask for; flags that are not given stay as they are", Args: exactly(1, "the backend's name"), Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			if err := b.read(); err != nil {
				return err
			}
			return g.register(c, args[0], "changed", func(r *registration) error {
				err := r.list.Change(args[0], func(x *auth.Backend) {
					c.Flags().Visit(func(f *pflag.Flag) { b.set(x, f.Name) })
				})
				if err != nil {
					return err
				}
				return said(c.OutOrStdout(), g.json, args[0], "changed")
			})
		},
	}
	b.flags(cmd)
	return cmd
}

// set carries one given flag over.
func (b *bounds) set(x *auth.Backend, flag string) {
	switch flag {
	case "scope":
		x.Scopes = b.Scopes
	case "destination":
		x.Destinations = b.Destinations
	case "purpose":
		x.Purposes = b.Purposes
	case "source":
		x.Sources = b.Sources
	case "only":
		x.Only = b.Only
	case "max-passages":
		x.MaxPassages = b.MaxPassages
	case "certificate":
		x.Certificates = b.Certificates
	case "both":
		x.Both = b.Both
	case "client":
		x.Clients = b.Clients
	case "operator":
		x.Operator = b.Operator
	}
}
