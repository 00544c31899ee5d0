// Package model is a trained model. Written by Kervan; do not edit. Needs nothing but the standard library.
//
// Any number of goroutines may call its functions at once.
package model

import (
	"fmt"
	"math"
)

// Inputs and Outputs are how many numbers a row and an answer have.
const (
	Inputs  = @@inputs@@
	Outputs = @@outputs@@
)

// Column is what one input takes. A category's number is its place in Allowed.
type Column struct {
	Name     string
	Type     string // integer, number, boolean or category
	Nullable bool
	Minimum  float64
	Maximum  float64
	Unit     string
	Unseen   string // as_missing or refuse
	Allowed  []string
}

// RefusedRow says that a row cannot be used; Field names the column.
type RefusedRow struct {
	Field string
	What  string
}

func (refused *RefusedRow) Error() string {
	return fmt.Sprintf("%q: %s", refused.Field, refused.What)
}

// Answer is what the model says about a row: the class that it names and the probability of each, or a value.
type Answer struct {
	Label         string
	Probabilities map[string]float64
	Value         float64
}

// Columns are the inputs in their order.
var Columns = []Column{
@@columns@@
}

// Output is what is predicted.
const Output = @@output@@

// Classes are in the order of the probabilities; there are none if the model predicts a number.
var Classes = []string{@@classes@@}

var codes = codesOf(Columns)

// Predict takes one row by column names. A value that is absent, nil or NaN is missing. The error is a
// *RefusedRow that names the first field that cannot be used.
func Predict(row map[string]interface{}) (Answer, error) {
	numbers, err := Encode(row)
	if err != nil {
		return Answer{}, err
	}
	values := Score(numbers)
	if len(Classes) == 0 {
		return Answer{Value: values[0]}, nil
	}
	best := 0
	probabilities := make(map[string]float64, len(Classes))
	for place, value := range values {
		if value > values[best] {
			best = place
		}
		probabilities[Classes[place]] = value
	}
@@naming@@	return Answer{Label: Classes[best], Probabilities: probabilities}, nil
}

// Encode returns the numbers of a row, in the order of Columns.
func Encode(row map[string]interface{}) ([Inputs]float64, error) {
	var numbers [Inputs]float64
	for place := range Columns {
		number, what := read(place, row[Columns[place].Name])
		if what != "" {
			return numbers, &RefusedRow{Field: Columns[place].Name, What: what}
		}
		numbers[place] = number
	}
	return numbers, nil
}

// Score takes a row of numbers: NaN where one is missing, the place of a category or -1, booleans as 0 and 1.
func Score(row [Inputs]float64) [Outputs]float64 {
	var work [@@work@@]float64
	w := work[:]
	copy(w, row[:])
@@calls@@
	var answer [Outputs]float64
	copy(answer[:], w[@@answer@@:])
	return answer
}

func codesOf(columns []Column) []map[string]int {
	found := make([]map[string]int, len(columns))
	for place, column := range columns {
		found[place] = make(map[string]int, len(column.Allowed))
		for code, text := range column.Allowed {
			found[place][text] = code
		}
	}
	return found
}

func read(place int, value interface{}) (float64, string) {
	column := &Columns[place]
	number, isNumber := numberOf(value)
	if value == nil || (isNumber && math.IsNaN(number)) {
		if !column.Nullable {
			return 0, "is missing"
		}
		if column.Type == "category" {
			return -1, ""
		}
		return math.NaN(), ""
	}
	switch column.Type {
	case "category":
		return readCategory(place, value)
	case "boolean":
		return readBoolean(value)
	}
	if !isNumber {
		return 0, fmt.Sprintf("%.40q is not a number", fmt.Sprint(value))
	}
	return readNumber(column, number)
}

func readCategory(place int, value interface{}) (float64, string) {
	text, isText := value.(string)
	if !isText {
		return 0, fmt.Sprintf("%.40q is not a text", fmt.Sprint(value))
	}
	code, isKnown := codes[place][text]
	if isKnown {
		return float64(code), ""
	}
	if Columns[place].Unseen == "refuse" {
		return 0, fmt.Sprintf("%.40q is a category that the model does not know", text)
	}
	return -1, ""
}

func readBoolean(value interface{}) (float64, string) {
	boolean, isBoolean := value.(bool)
	if !isBoolean {
		return 0, fmt.Sprintf("%.40q is not true or false", fmt.Sprint(value))
	}
	if boolean {
		return 1, ""
	}
	return 0, ""
}

func readNumber(column *Column, number float64) (float64, string) {
	switch {
	case math.Abs(number) > math.MaxFloat32:
		return 0, fmt.Sprintf("%g is beyond %g", number, math.MaxFloat32)
	case column.Type == "integer" && number != math.Floor(number):
		return 0, fmt.Sprintf("%g is not a whole number", number)
	case number < column.Minimum:
		return 0, fmt.Sprintf("%g is below %g", number, column.Minimum)
	case number > column.Maximum:
		return 0, fmt.Sprintf("%g is above %g", number, column.Maximum)
	}
	return number, ""
}

func numberOf(value interface{}) (float64, bool) {
	switch number := value.(type) {
	case float64:
		return number, true
	case float32:
		return float64(number), true
	case int:
		return float64(number), true
	case int64:
		return float64(number), true
	case int32:
		return float64(number), true
	}
	return 0, false
}

func round32(x float64) float64 {
	return float64(float32(x))
}

@@kernels@@
@@constants@@
