package extract

import (
	"context"
	"errors"
)

type pool struct{}

func newPool(Config) *pool { return &pool{} }

func (*pool) extract(context.Context, Input) (Document, error) {
	return Document{}, errors.New("not yet")
}
func (*pool) close() error { return nil }
