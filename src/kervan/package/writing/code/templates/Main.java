import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Scores CSV from a file or the standard input: a line of column names, then a line for every row; empty is
 * missing. */
public final class Main {
    private static final String USAGE = "usage: java -jar FILE.jar [ROWS.csv] > ANSWERS.csv"
            + "\nRows are read from the standard input if no file is named. Columns:";
    private final BufferedReader in;
    private final PrintStream out;
    private int line;

    private Main(InputStream in, PrintStream out) {
        this.in = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        this.out = out;
    }

    public static void main(String[] arguments) throws IOException {
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        if (arguments.length > 1 || arguments.length == 1 && arguments[0].startsWith("-")) {
            tell(arguments[0].matches("-h|--help") ? out : new PrintStream(System.err, true, "UTF-8"));
            System.exit(arguments[0].matches("-h|--help") ? 0 : 2);
        }
        Path file = arguments.length == 0 ? null : Paths.get(arguments[0]);
        if (file != null && !Files.isReadable(file)) {
            new PrintStream(System.err, true, "UTF-8").println("cannot read " + file);
            System.exit(1);
        }
        Main main = new Main(file == null ? System.in : Files.newInputStream(file), out);
        try {
            main.score();
            out.flush();
        } catch (IllegalArgumentException error) {
            out.flush();
            new PrintStream(System.err, true, "UTF-8").println("line " + main.line + ": " + error.getMessage());
            System.exit(1);
        }
    }

    private static void tell(PrintStream to) {
        to.println(USAGE);
        for (Model.Column column : Model.COLUMNS) {
            to.println("  " + column.name + ": " + column.type + (column.nullable ? ", may be missing" : ""));
        }
        to.flush();
    }

    private void score() throws IOException {
        List<String> names = read();
        if (names == null) {
            throw new IllegalArgumentException("there is no line of column names");
        }
        List<String> head = new ArrayList<>(Model.CLASSES);
        head.add(0, Model.OUTPUT);
        write(head);
        for (List<String> fields = read(); fields != null; fields = read()) {
            write(predict(names, fields));
        }
    }

    private static List<String> predict(List<String> names, List<String> fields) {
        if (fields.size() != names.size()) {
            throw new IllegalArgumentException("there are " + fields.size() + " fields, not " + names.size());
        }
        Map<String, Object> row = new HashMap<>();
        for (Model.Column column : Model.COLUMNS) {
            int place = names.indexOf(column.name);
            if (place >= 0 && !fields.get(place).isEmpty()) {
                row.put(column.name, value(column, fields.get(place)));
            }
        }
        Model.Answer answer = Model.predict(row);
        List<String> said = new ArrayList<>();
        said.add(answer.label == null ? Double.toString(answer.value) : answer.label);
        for (double probability : answer.probabilities.values()) {
            said.add(Double.toString(probability));
        }
        return said;
    }

    private static Object value(Model.Column column, String text) {
        if (column.type.equals("category")) {
            return text;
        }
        if (column.type.equals("boolean")) {
            String word = text.trim().toLowerCase(java.util.Locale.ROOT);
            return word.equals("true") || word.equals("1") ? Boolean.TRUE
                    : word.equals("false") || word.equals("0") ? (Object) Boolean.FALSE : text;
        }
        try {
            return Double.valueOf(text.trim());
        } catch (NumberFormatException error) {
            return text;
        }
    }

    /** Read the fields of a row, quoted as RFC 4180 says; null at the end. */
    private List<String> read() throws IOException {
        String text = in.readLine();
        line++;
        if (text == null) {
            return null;
        }
        if (line == 1 && text.startsWith("\ufeff")) {
            text = text.substring(1);
        }
        List<String> fields = new ArrayList<>();
        StringBuilder field = new StringBuilder();
        boolean isQuoted = false;
        for (int i = 0; true; i++) {
            if (i == text.length()) {
                if (!isQuoted) {
                    fields.add(field.toString());
                    return fields;
                }
                text = in.readLine();
                line++;
                if (text == null) {
                    throw new IllegalArgumentException("a quotation mark is not closed");
                }
                field.append('\n');
                i = -1;
                continue;
            }
            char letter = text.charAt(i);
            if (isQuoted && letter == '"' && i + 1 < text.length() && text.charAt(i + 1) == '"') {
                field.append('"');
                i++;
            } else if (letter == '"') {
                isQuoted = !isQuoted;
            } else if (letter == ',' && !isQuoted) {
                fields.add(field.toString());
                field.setLength(0);
            } else {
                field.append(letter);
            }
        }
    }

    private void write(List<String> fields) {
        StringBuilder text = new StringBuilder();
        for (String field : fields) {
            boolean isPlain = field.indexOf(',') < 0 && field.indexOf('"') < 0 && field.indexOf('\n') < 0
                    && field.indexOf('\r') < 0;
            text.append(text.length() == 0 ? "" : ",");
            text.append(isPlain ? field : '"' + field.replace("\"", "\"\"") + '"');
        }
        out.print(text.append("\r\n"));
    }
}
