// Scores what comes in on stdin with the model beside this file; see kervan.package.writing.code.driver.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"

	"kervan.invalid/driver/model"
)

func main() {
	body, err := io.ReadAll(os.Stdin)
	check(err)
	from := bytes.NewReader(body)
	out := new(bytes.Buffer)
	for from.Len() > 0 {
		if os.Args[1] == "predict" {
			predict(from, out)
		} else {
			var row [model.Inputs]float64
			check(binary.Read(from, binary.LittleEndian, &row))
			check(binary.Write(out, binary.LittleEndian, model.Score(row)))
		}
	}
	_, err = out.WriteTo(os.Stdout)
	check(err)
}

func predict(from *bytes.Reader, out *bytes.Buffer) {
	row := map[string]interface{}{}
	for _, column := range model.Columns {
		tag, err := from.ReadByte()
		check(err)
		if tag != 0 {
			row[column.Name] = read(from, tag)
		}
	}
	answer, err := model.Predict(row)
	var refused *model.RefusedRow
	if errors.As(err, &refused) {
		for place, column := range model.Columns {
			if column.Name == refused.Field {
				head(out, 0, place)
			}
		}
		return
	}
	check(err)
	if len(model.Classes) == 0 {
		head(out, 1, 0)
		check(binary.Write(out, binary.LittleEndian, answer.Value))
		return
	}
	for place, label := range model.Classes {
		if label == answer.Label {
			head(out, 1, place)
		}
	}
	for _, label := range model.Classes {
		check(binary.Write(out, binary.LittleEndian, answer.Probabilities[label]))
	}
}

func read(from *bytes.Reader, tag byte) interface{} {
	switch tag {
	case 2:
		var bits uint64
		check(binary.Read(from, binary.LittleEndian, &bits))
		return math.Float64frombits(bits)
	case 3:
		boolean, err := from.ReadByte()
		check(err)
		return boolean == 1
	case 4:
		var size uint32
		check(binary.Read(from, binary.LittleEndian, &size))
		text := make([]byte, size)
		_, err := io.ReadFull(from, text)
		check(err)
		return string(text)
	}
	return nil
}

func head(out *bytes.Buffer, accepted byte, place int) {
	out.WriteByte(accepted)
	check(binary.Write(out, binary.LittleEndian, uint32(place)))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
