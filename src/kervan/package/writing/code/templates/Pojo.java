import hex.ModelCategory;
import hex.genmodel.GenModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/**
 * A trained model for H2O. Written by Kervan; do not edit. Needs Java 8 or newer and h2o-genmodel. Any number of
 * threads may call its methods at once.
 */
public final class Model extends GenModel {
    private static final long serialVersionUID = 1L;
    private static final int INPUTS = @@inputs@@;

    private static final String[] BOOLEAN = {"false", "true"};

    /** The inputs in their order. */
    public static final String[] NAMES = names();
    /** The categories of each input in the order of their numbers, null for a number; at the end the classes. */
    public static final String[][] DOMAINS = domains();

    /** A model has no state: one is as good as another. */
    public Model() {
        super(NAMES, DOMAINS, @@output@@);
    }

    @Override
    public ModelCategory getModelCategory() {
        return ModelCategory.@@category@@;
    }

    @Override
    public String getUUID() {
        return "@@uuid@@";
    }

    @Override
    public boolean isSupervised() {
        return true;
    }

    @Override
    public int nclasses() {
        return @@outputs@@;
    }

    /**
     * Score a row of numbers: NaN where one is missing, the place of a category or NaN. The answer is the number,
     * or the place of the most probable class, the first of several, and after it the probability of every class.
     */
    @Override
    public double[] score0(double[] data, double[] preds) {
        double[] w = new double[@@work@@];
        for (int i = 0; i < INPUTS; i++) {
            boolean isUsable = DOMAINS[i] == null || (data[i] >= 0 && data[i] < DOMAINS[i].length);
            w[i] = isUsable ? data[i] : DOMAINS[i] == BOOLEAN ? Double.NaN : -1;
        }
@@steps_calls@@
        if (DOMAINS[INPUTS] == null) {
            preds[0] = w[@@answer@@];
            return preds;
        }
        int best = 0;
        for (int i = 0; i < @@outputs@@; i++) {
            preds[i + 1] = w[@@answer@@ + i];
            best = preds[i + 1] > preds[best + 1] ? i : best;
        }
@@naming@@        preds[0] = best;
        return preds;
    }

    private static String[] names() {
        String[] names = new String[INPUTS];
@@names_calls@@
        return names;
    }

    private static String[][] domains() {
        String[][] domains = new String[INPUTS + 1][];
@@domains_calls@@
        return domains;
    }

@@names@@
@@domains@@
@@unpacking@@
@@constants@@

@@steps@@
    @@kernels@@}
