package extract

func readPDF(b *builder, in Input, _ int) error { return ErrUnsupported }
