package train_test

import (
	"fmt"

	"github.com/doorward/doorward/cmd/internal/train"
)

func ExampleReadManifest() {
	m, err := train.ReadManifest()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(m.Files), "files, the first is", m.Files[0].Name)
	// Output: 17 files, the first is injection/acl25_ipi.jsonl.gz
}
