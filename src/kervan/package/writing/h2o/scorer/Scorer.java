import com.google.gson.Gson;
import hex.genmodel.GenModel;
import hex.genmodel.MojoModel;
import hex.genmodel.easy.EasyPredictModelWrapper;
import hex.genmodel.easy.RowData;
import hex.genmodel.easy.prediction.AbstractPrediction;
import hex.genmodel.easy.prediction.BinomialModelPrediction;
import hex.genmodel.easy.prediction.MultinomialModelPrediction;
import hex.genmodel.easy.prediction.RegressionModelPrediction;
import java.io.DataOutputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * Scores rows from stdin, a JSON array of objects, with the MOJO whose path is given or the POJO whose class is. For
 * every row it gives the place of the label and then the probabilities, or the value alone, as float64 numbers.
 */
public final class Scorer {
    public static void main(String[] arguments) throws Exception {
        String name = arguments[0];
        GenModel model = name.endsWith(".zip") ? MojoModel.load(name)
                : (GenModel) Class.forName(name).getDeclaredConstructor().newInstance();
        EasyPredictModelWrapper wrapper = new EasyPredictModelWrapper(new EasyPredictModelWrapper.Config()
                .setModel(model).setConvertUnknownCategoricalLevelsToNa(true));
        RowData[] rows = new Gson().fromJson(new InputStreamReader(System.in, StandardCharsets.UTF_8), RowData[].class);
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        for (RowData row : rows) {
            give(wrapper.predict(row), out);
        }
        out.flush();
    }

    private static void give(AbstractPrediction answer, DataOutputStream out) throws IOException {
        if (answer instanceof RegressionModelPrediction) {
            out.writeDouble(((RegressionModelPrediction) answer).value);
        } else if (answer instanceof BinomialModelPrediction) {
            BinomialModelPrediction binomial = (BinomialModelPrediction) answer;
            give(binomial.labelIndex, binomial.classProbabilities, out);
        } else {
            MultinomialModelPrediction multinomial = (MultinomialModelPrediction) answer;
            give(multinomial.labelIndex, multinomial.classProbabilities, out);
        }
    }

    private static void give(int label, double[] probabilities, DataOutputStream out) throws IOException {
        out.writeDouble(label);
        for (double probability : probabilities) {
            out.writeDouble(probability);
        }
    }
}
