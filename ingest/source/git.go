package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/utils/merkletrie"

	"github.com/doorward/doorward/ingest"
)

// GitConfig describes a git repository on this machine.
type GitConfig struct {
	// Name is the source's name; required.
	Name string
	// Path is the repository, bare or with a work tree; required. It is read, not
	// fetched: keep a mirror up to date with git itself.
	Path string
	// Revision is what to read: a branch, tag or commit. "" means HEAD.
	Revision string
	// Include and Exclude are path patterns; see DirectoryConfig.
	Include, Exclude []string
	// MaxBytes is the largest file; 0 means 100 MiB.
	MaxBytes int64
	// Mapping makes attributes. Commit authors and messages are no fields.
	Mapping Mapping
	// NoSidecars ignores attribute files in the repository: whoever may commit
	// could otherwise set attributes.
	NoSidecars bool
	// Prefix goes before every document id.
	Prefix string
}

// Git reads the files of one revision and the changes between revisions. What
// the work tree holds does not matter.
type Git struct {
	config  GitConfig
	repo    *git.Repository
	mapper  Mapper
	include []pattern
	exclude []pattern
}

// NewGit opens a repository.
func NewGit(c GitConfig) (*Git, error) {
	if err := checkName(c.Name); err != nil {
		return nil, err
	}
	if c.Prefix != "" && !ingest.ValidID(c.Prefix) {
		return nil, fmt.Errorf("%w: the prefix of source %s has characters ids do not have", ErrConfig, c.Name)
	}
	if c.Revision == "" {
		c.Revision = "HEAD"
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	g := &Git{config: c}
	var err error
	if g.mapper, err = NewMapper(c.Mapping); err != nil {
		return nil, err
	}
	if g.include, err = patterns(c.Include); err != nil {
		return nil, err
	}
	if g.exclude, err = patterns(c.Exclude); err != nil {
		return nil, err
	}
	if g.repo, err = git.PlainOpenWithOptions(c.Path, &git.PlainOpenOptions{EnableDotGitCommonDir: true}); err != nil {
		return nil, fmt.Errorf("%w: opening the repository: %w", ingest.ErrSource, err)
	}
	return g, nil
}

// Name is the source's name.
func (g *Git) Name() string { return g.config.Name }

// head resolves the configured revision.
func (g *Git) head() (*object.Commit, error) {
	hash, err := g.repo.ResolveRevision(plumbing.Revision(g.config.Revision))
	if err != nil {
		return nil, fmt.Errorf("%w: the repository has no revision %q", ingest.ErrSource, g.config.Revision)
	}
	commit, err := g.repo.CommitObject(*hash)
	if err != nil {
		return nil, fmt.Errorf("%w: revision %q is no commit", ingest.ErrSource, g.config.Revision)
	}
	return commit, nil
}

// Walk gives every file of the revision, in git's order of paths. Links and
// submodules are items with errors.
func (g *Git) Walk(ctx context.Context, fn func(ingest.Item) error) error {
	commit, err := g.head()
	if err != nil {
		return err
	}
	tree, err := commit.Tree()
	if err != nil {
		return fmt.Errorf("%w: reading the revision's tree: %w", ingest.ErrSource, err)
	}
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, entry, err := walker.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: reading the revision's tree: %w", ingest.ErrSource, err)
		}
		if entry.Mode == filemode.Dir || !g.wanted(name) {
			continue
		}
		if err := fn(g.item(tree, commit, name, entry)); err != nil {
			return err
		}
	}
}

// wanted applies Include and Exclude; attribute files are no documents.
func (g *Git) wanted(p string) bool {
	return !isSidecar(p) && (len(g.include) == 0 || anyMatch(g.include, p)) && !anyMatch(g.exclude, p)
}

// item describes one file of a tree.
func (g *Git) item(tree *object.Tree, commit *object.Commit, name string, entry object.TreeEntry) ingest.Item {
	it := ingest.Item{URI: "git:" + g.config.Name + "/" + name + "@" + commit.Hash.String()[:12], Name: path.Base(name), Size: -1,
		Modified: commit.Committer.When, Fingerprint: entry.Hash.String()}
	if it.ID, it.Err = pathID(g.config.Prefix, name); it.Err != nil {
		return it
	}
	if entry.Mode != filemode.Regular && entry.Mode != filemode.Executable && entry.Mode != filemode.Deprecated {
		it.Err = fmt.Errorf("%w: a link or submodule", ingest.ErrNotRegular)
		return it
	}
	blob, err := g.repo.BlobObject(entry.Hash)
	if err != nil {
		it.Err = fmt.Errorf("%w: the repository lacks the file's object", ingest.ErrUnreadable)
		return it
	}
	if it.Size = blob.Size; it.Size > g.config.MaxBytes {
		it.Err = fmt.Errorf("%w: %d bytes, the limit is %d", ingest.ErrTooLarge, it.Size, g.config.MaxBytes)
		return it
	}
	it.Open = func(context.Context) (io.ReadCloser, error) {
		r, err := blob.Reader()
		if err != nil {
			return nil, fmt.Errorf("%w: reading the file's object", ingest.ErrUnreadable)
		}
		return r, nil
	}
	own, mediaType, err := g.sidecar(tree, name)
	if err == nil {
		it.MediaType, it.Own = mediaType, own
		it.Attributes, err = g.mapper.Map(Facts{Source: g.config.Name, Path: name}, own)
	}
	it.Err = err
	return it
}

// sidecar reads the attribute file beside a file, if there is one.
func (g *Git) sidecar(tree *object.Tree, name string) (map[string]any, string, error) {
	if g.config.NoSidecars {
		return nil, "", nil
	}
	return oneSidecar(func(suffix string) ([]byte, bool, error) {
		f, err := tree.File(name + suffix)
		if errors.Is(err, object.ErrFileNotFound) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		r, err := f.Reader()
		if err != nil {
			return nil, false, err
		}
		defer r.Close()
		p, err := io.ReadAll(io.LimitReader(r, maxSidecar+1))
		return p, true, err
	})
}

// Changes gives the files that differ between a commit and the configured
// revision. The cursor is a commit.
func (g *Git) Changes(ctx context.Context, since string, fn func(ingest.Change) error) (string, error) {
	commit, err := g.head()
	if err != nil {
		return since, err
	}
	next := commit.Hash.String()
	if since == "" {
		return next, g.Walk(ctx, func(it ingest.Item) error { return fn(ingest.Change{Item: it}) })
	}
	old, err := g.repo.CommitObject(plumbing.NewHash(since))
	if err != nil {
		return since, fmt.Errorf("%w: the repository has no such commit any more", ingest.ErrCursor)
	}
	if old.Hash == commit.Hash {
		return next, nil
	}
	from, err := old.Tree()
	if err != nil {
		return since, fmt.Errorf("%w: reading the old revision's tree: %w", ingest.ErrSource, err)
	}
	to, err := commit.Tree()
	if err != nil {
		return since, fmt.Errorf("%w: reading the revision's tree: %w", ingest.ErrSource, err)
	}
	changes, err := object.DiffTreeContext(ctx, from, to)
	if err != nil {
		return since, fmt.Errorf("%w: comparing revisions: %w", ingest.ErrSource, err)
	}
	return next, g.changed(ctx, changes, to, commit, fn)
}

// changed gives each document once, whether it or its attribute file changed.
func (g *Git) changed(ctx context.Context, changes object.Changes, to *object.Tree, commit *object.Commit, fn func(ingest.Change) error) error {
	done := map[string]bool{}
	for _, c := range changes {
		if err := ctx.Err(); err != nil {
			return err
		}
		action, err := c.Action()
		if err != nil {
			return fmt.Errorf("%w: comparing revisions: %w", ingest.ErrSource, err)
		}
		name := c.To.Name
		if action == merkletrie.Delete {
			name = c.From.Name
		}
		for _, s := range sidecarSuffixes {
			name = strings.TrimSuffix(name, s)
		}
		if done[name] || !g.wanted(name) {
			continue
		}
		done[name] = true
		change := ingest.Change{}
		if entry, err := to.FindEntry(name); err == nil {
			change.Item = g.item(to, commit, name, *entry)
		} else {
			change.Deleted = true
			change.URI = "git:" + g.config.Name + "/" + name
			if change.ID, err = pathID(g.config.Prefix, name); err != nil {
				return err
			}
		}
		if err := fn(change); err != nil {
			return err
		}
	}
	return nil
}

// pathID makes a document id of a path.
func pathID(prefix, name string) (string, error) {
	id, err := DocumentID(name)
	if err != nil {
		return "", err
	}
	return prefixed(prefix, id)
}
