package extracttest

// pdfFixtures hide PSST on a page.
func pdfFixtures() map[string][]byte {
	const good = "BT /F1 12 Tf 72 720 Td (Visible words) Tj ET "
	ocg := Object{10, "<< /Type /OCG /Name (L) >>"}
	return map[string][]byte{
		"render mode 3":   OnePage(good+"BT /F1 12 Tf 3 Tr 72 700 Td (PSST) Tj ET", FontResources, ""),
		"render mode 7":   OnePage(good+"BT /F1 12 Tf 7 Tr 72 700 Td (PSST) Tj ET", FontResources, ""),
		"tiny":            OnePage(good+"BT /F1 1 Tf 72 700 Td (PSST) Tj ET", FontResources, ""),
		"tiny by matrix":  OnePage(good+"q .05 0 0 .05 0 0 cm BT /F1 12 Tf 1440 14000 Td (PSST) Tj ET Q", FontResources, ""),
		"white":           OnePage(good+"1 g BT /F1 12 Tf 72 700 Td (PSST) Tj ET", FontResources, ""),
		"white by cmyk":   OnePage(good+"0 0 0 0 k BT /F1 12 Tf 72 700 Td (PSST) Tj ET", FontResources, ""),
		"as the box":      OnePage(good+"0 0 1 rg 60 690 300 30 re f BT /F1 12 Tf 72 700 Td (PSST) Tj ET", FontResources, ""),
		"off page":        OnePage(good+"BT /F1 12 Tf -500 700 Td (PSST) Tj ET", FontResources, ""),
		"crop box":        OnePage(good+"BT /F1 12 Tf 72 100 Td (PSST) Tj ET", FontResources+" /CropBox [0 400 612 792]", ""),
		"clipped":         OnePage(good+"q 0 0 10 10 re W n BT /F1 12 Tf 72 700 Td (PSST) Tj ET Q", FontResources, ""),
		"covered":         OnePage(good+"BT /F1 12 Tf 72 600 Td (PSST) Tj ET 1 g 60 590 200 40 re f", FontResources, ""),
		"alpha":           OnePage(good+"/G gs BT /F1 12 Tf 72 700 Td (PSST) Tj ET", "/Resources << /Font << /F1 5 0 R >> /ExtGState << /G << /ca 0 >> >> >>", ""),
		"soft mask":       OnePage(good+"/G gs BT /F1 12 Tf 72 700 Td (PSST) Tj ET", "/Resources << /Font << /F1 5 0 R >> /ExtGState << /G << /SMask << /S /Alpha >> >> >> >>", ""),
		"under a shading": OnePage(good+"BT /F1 12 Tf 72 600 Td (PSST) Tj ET q 60 590 200 40 re W n /S sh Q", FontResources, ""),
		"kerned":          OnePage(good+"BT /F1 12 Tf 3 Tr 72 700 Td [(P) 30 (S) 20 (ST)] TJ ET", FontResources, ""),
		"layer":           OnePage(good+"/OC /L BDC BT /F1 12 Tf 72 700 Td (PSST) Tj ET EMC", "/Resources << /Font << /F1 5 0 R >> /Properties << /L 10 0 R >> >>", "/OCProperties << /OCGs [10 0 R] /D << /OFF [10 0 R] >> >>", ocg),
		"annotation":      OnePage(good, FontResources+" /Annots [<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (PSST) >>]", ""),
		"form value":      OnePage(good, FontResources, "/AcroForm << /Fields [10 0 R] >>", Object{10, "<< /FT /Tx /T (f) /V (PSST) >>"}),
		"info":            OnePage(good, FontResources, "", Object{10, "<< /Title (PSST) >>"}),
		"xmp":             OnePage(good, FontResources, "/Metadata 10 0 R", Object{10, Stream("/Type /Metadata /Subtype /XML", "<x:xmpmeta><dc:description>PSST</dc:description></x:xmpmeta>")}),
		"attachment":      OnePage(good, FontResources, "", Object{10, Stream("/Type /EmbeddedFile", "PSST")}),
		"script":          OnePage(good, FontResources, "/OpenAction << /S /JavaScript /JS (app.alert\\('PSST'\\)) >>"),
		"actual text":     OnePage("/Span << /ActualText (PSST) >> BDC "+good+"EMC", FontResources, ""),
		"form layer":      OnePage(good+"/X Do", "/Resources << /Font << /F1 5 0 R >> /XObject << /X 11 0 R >> >>", "/OCProperties << /OCGs [10 0 R] /D << /BaseState /OFF >> >>", ocg, Object{11, Stream("/Type /XObject /Subtype /Form /BBox [0 0 612 792] /OC 10 0 R /Resources << /Font << /F1 5 0 R >> >>", "BT /F1 12 Tf 72 700 Td (PSST) Tj ET")}),
		"remap": OnePage(good, "/Resources << /Font << /F1 10 0 R >> >>", "", Object{10, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 11 0 R >>"},
			Object{11, Stream("", "1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <56> <0050005300530054> endbfchar")}),
	}
}
