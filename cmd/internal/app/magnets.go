package app

import (
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/magnet"
)

// watchMagnets begins to watch for documents that draw too many questions.
func (a *App) watchMagnets() (err error) {
	c := a.Config.Magnets
	if c.Act == "off" {
		return nil
	}
	a.magnets, err = magnet.New(magnet.Config{Window: c.Window, Least: c.Least, Share: c.Share, Times: c.Times})
	return err
}

func magnetAct(c *configs.Config) retrieval.MagnetAct {
	switch c.Magnets.Act {
	case "last":
		return retrieval.MagnetsLast
	case "alarm":
		return retrieval.AlarmMagnets
	}
	return retrieval.HoldMagnets
}

// drawn is what policy is told of how far a document draws questions.
func (a *App) drawn(tenant, document string) signal.Magnet {
	if a.magnets == nil {
		return signal.Magnet{}
	}
	s := a.magnets.Standing(tenant, document)
	return signal.Magnet{Drawing: s.Magnet, Share: s.Share, Times: s.Times}
}

// Drawing reports whether a document draws far more questions than its peers.
func (a *App) Drawing(tenant, document string) bool { return a.drawn(tenant, document).Drawing }
