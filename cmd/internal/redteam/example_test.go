package redteam_test

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/cmd/internal/redteam"
)

func Example() {
	r, err := redteam.Run(context.Background(), redteam.Config{Mutations: 3, Only: []int{1, 88}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range r.Items {
		fmt.Printf("%s: %d of %d\n", i.Name, i.Tried-len(i.Missed), i.Tried)
	}
	// Output:
	// zero-width space inside a word: 3 of 3
	// chat templates: 3 of 3
}
