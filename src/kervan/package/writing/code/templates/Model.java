@@package@@import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A trained model. Written by Kervan; do not edit. Needs Java 8 or newer and nothing else. Any number of
 * threads may call its methods at once.
 */
public final class Model {
    /** What one input takes. A category's number is its place in {@code allowed}. */
    public static final class Column {
        public final String name;
        /** One of integer, number, boolean, category. */
        public final String type;
        public final boolean nullable;
        public final double minimum;
        public final double maximum;
        public final String unit;
        /** What happens to a category that training did not see: as_missing or refuse. */
        public final String unseen;
        public final List<String> allowed;
        private final Map<String, Integer> codes = new HashMap<>();

        private Column(String name, String type, boolean nullable, double minimum, double maximum, String unit,
                String unseen, List<String> allowed) {
            this.name = name;
            this.type = type;
            this.nullable = nullable;
            this.minimum = minimum;
            this.maximum = maximum;
            this.unit = unit;
            this.unseen = unseen;
            this.allowed = Collections.unmodifiableList(allowed);
            for (String text : allowed) {
                codes.put(text, codes.size());
            }
        }
    }

    /** A row cannot be used; {@code field} names the column. */
    public static final class RefusedRow extends IllegalArgumentException {
        private static final long serialVersionUID = 1L;
        public final String field;

        private RefusedRow(String field, String what) {
            super("'" + field + "': " + what);
            this.field = field;
        }
    }

    /** What the model answers for a row. */
    public static final class Answer {
        /** The class that the model names, the most probable one where it has neither a threshold nor costs; null if the model predicts a number. */
        public final String label;
        /** The probability of every class, in the order of {@code CLASSES}; empty for a number. */
        public final Map<String, Double> probabilities;
        /** The predicted number; NaN for a class. */
        public final double value;

        private Answer(double[] values) {
            Map<String, Double> shares = new LinkedHashMap<>();
            int best = 0;
            for (int i = 0; i < CLASSES.size(); i++) {
                shares.put(CLASSES.get(i), values[i]);
                best = values[i] > values[best] ? i : best;
            }
@@naming@@            label = CLASSES.isEmpty() ? null : CLASSES.get(best);
            probabilities = Collections.unmodifiableMap(shares);
            value = CLASSES.isEmpty() ? values[0] : Double.NaN;
        }
    }

    private static final double LARGEST = Float.MAX_VALUE;

    /** The inputs in their order. */
    public static final List<Column> COLUMNS = columns();
    /** What is predicted. */
    public static final String OUTPUT = @@output@@;
    /** The classes in the order of the probabilities; empty if the model predicts a number. */
    public static final List<String> CLASSES = Collections.unmodifiableList(@@classes@@);

    private Model() {
    }

    /**
     * Predict one row, a map of column names to values: Number, Boolean or String. A value that is absent, null
     * or NaN is missing.
     *
     * @throws RefusedRow that names the first field that cannot be used
     */
    public static Answer predict(Map<String, ?> row) {
        return new Answer(score(encode(row)));
    }

    /** Return the numbers of a row, in the order of {@code COLUMNS}. */
    public static double[] encode(Map<String, ?> row) {
        double[] numbers = new double[COLUMNS.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = read(COLUMNS.get(i), row.get(COLUMNS.get(i).name));
        }
        return numbers;
    }

    /** Score a row of numbers: NaN where one is missing, the place of a category or -1, booleans as 0 and 1. */
    public static double[] score(double[] row) {
        if (row.length != @@inputs@@) {
            throw new IllegalArgumentException("a row has @@inputs@@ numbers, not " + row.length);
        }
        double[] w = Arrays.copyOf(row, @@work@@);
@@steps_calls@@
        return Arrays.copyOfRange(w, @@answer@@, @@end@@);
    }

    private static double read(Column column, Object value) {
        boolean isCategory = column.type.equals("category");
        if (value == null || isNaN(value)) {
            if (!column.nullable) {
                throw new RefusedRow(column.name, "is missing");
            }
            return isCategory ? -1 : Double.NaN;
        }
        if (isCategory) {
            return readCategory(column, value);
        }
        if (!column.type.equals("boolean")) {
            return readNumber(column, value);
        }
        if (!(value instanceof Boolean)) {
            throw new RefusedRow(column.name, shown(value) + " is not true or false");
        }
        return (Boolean) value ? 1 : 0;
    }

    private static boolean isNaN(Object value) {
        return (value instanceof Double || value instanceof Float) && Double.isNaN(((Number) value).doubleValue());
    }

    private static double readCategory(Column column, Object value) {
        if (!(value instanceof String)) {
            throw new RefusedRow(column.name, shown(value) + " is not a text");
        }
        Integer code = column.codes.get(value);
        if (code == null && column.unseen.equals("refuse")) {
            throw new RefusedRow(column.name, shown(value) + " is a category that the model does not know");
        }
        return code == null ? -1 : code;
    }

    private static double readNumber(Column column, Object value) {
        if (!(value instanceof Number)) {
            throw new RefusedRow(column.name, shown(value) + " is not a number");
        }
        double number = ((Number) value).doubleValue();
        if (!(Math.abs(number) <= LARGEST)) {
            throw new RefusedRow(column.name, shown(value) + " is beyond " + LARGEST);
        }
        if (column.type.equals("integer") && number != Math.floor(number)) {
            throw new RefusedRow(column.name, shown(value) + " is not a whole number");
        }
        if (number < column.minimum) {
            throw new RefusedRow(column.name, shown(value) + " is below " + column.minimum);
        }
        if (number > column.maximum) {
            throw new RefusedRow(column.name, shown(value) + " is above " + column.maximum);
        }
        return number;
    }

    private static String shown(Object value) {
        String text = String.valueOf(value);
        return text.length() <= 40 ? text : text.substring(0, 40) + "...";
    }

    private static List<Column> columns() {
        List<Column> columns = new ArrayList<>();
@@columns_calls@@
        return Collections.unmodifiableList(columns);
    }

@@columns@@
@@unpacking@@
@@constants@@

@@steps@@
    @@kernels@@}
