import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Scores what comes in on stdin with the model beside this file; see kervan.package.writing.code.driver. */
public final class Driver {
    private static final ByteArrayOutputStream OUT = new ByteArrayOutputStream();

    public static void main(String[] arguments) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(System.in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            if (arguments[0].equals("predict")) {
                predict(in);
            } else {
                score(in);
            }
        }
        OUT.writeTo(System.out);
        System.out.flush();
    }

    private static void score(ByteBuffer in) {
        double[] row = new double[Model.COLUMNS.size()];
        for (int i = 0; i < row.length; i++) {
            row[i] = in.getDouble();
        }
        for (double value : Model.score(row)) {
            give(value);
        }
    }

    private static void predict(ByteBuffer in) {
        Map<String, Object> row = new HashMap<>();
        for (Model.Column column : Model.COLUMNS) {
            int tag = in.get();
            if (tag != 0) {
                row.put(column.name, read(in, tag));
            }
        }
        Model.Answer answer;
        try {
            answer = Model.predict(row);
        } catch (Model.RefusedRow error) {
            int place = 0;
            while (!Model.COLUMNS.get(place).name.equals(error.field)) {
                place++;
            }
            give(0, place);
            return;
        }
        if (Model.CLASSES.isEmpty()) {
            give(1, 0);
            give(answer.value);
            return;
        }
        give(1, Model.CLASSES.indexOf(answer.label));
        for (String label : Model.CLASSES) {
            give(answer.probabilities.get(label));
        }
    }

    private static Object read(ByteBuffer in, int tag) {
        if (tag == 2) {
            return in.getDouble();
        }
        if (tag == 3) {
            return in.get() == 1;
        }
        if (tag == 4) {
            byte[] text = new byte[in.getInt()];
            in.get(text);
            return new String(text, StandardCharsets.UTF_8);
        }
        return null;
    }

    private static void give(int accepted, int place) {
        byte[] bytes = ByteBuffer.allocate(5).order(ByteOrder.LITTLE_ENDIAN).put((byte) accepted).putInt(place).array();
        OUT.write(bytes, 0, bytes.length);
    }

    private static void give(double value) {
        byte[] bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putDouble(value).array();
        OUT.write(bytes, 0, bytes.length);
    }
}
