    private static ByteBuffer unpacked(String... parts) {
        byte[] bytes = Base64.getDecoder().decode(String.join("", parts));
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] bytes(String... parts) {
        return unpacked(parts).array();
    }

    private static char[] chars(String... parts) {
        ByteBuffer from = unpacked(parts);
        char[] numbers = new char[from.remaining() / 2];
        from.asCharBuffer().get(numbers);
        return numbers;
    }

    private static int[] ints(String... parts) {
        ByteBuffer from = unpacked(parts);
        int[] numbers = new int[from.remaining() / 4];
        from.asIntBuffer().get(numbers);
        return numbers;
    }

    private static float[] floats(String... parts) {
        ByteBuffer from = unpacked(parts);
        float[] numbers = new float[from.remaining() / 4];
        from.asFloatBuffer().get(numbers);
        return numbers;
    }

    private static double[] doubles(String... parts) {
        ByteBuffer from = unpacked(parts);
        double[] numbers = new double[from.remaining() / 8];
        from.asDoubleBuffer().get(numbers);
        return numbers;
    }

    private static List<String> texts(String... parts) {
        ByteBuffer from = unpacked(parts);
        List<String> texts = new ArrayList<>();
        while (from.hasRemaining()) {
            byte[] text = new byte[from.getInt()];
            from.get(text);
            texts.add(new String(text, StandardCharsets.UTF_8));
        }
        return texts;
    }
