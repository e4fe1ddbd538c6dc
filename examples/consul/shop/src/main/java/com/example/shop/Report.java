package com.example.shop;

/** Runs named checks and prints one line for each: {@code ok NAME}, or {@code FAIL NAME: reason}. */
final class Report {
    /** The body of a check; it returns what there is to say about it, or null, and fails by throwing. */
    interface Check {
        String run() throws Exception;
    }

    private final String prefix;

    Report(String prefix) {
        this.prefix = prefix;
    }

    void check(String name, Check check) {
        try {
            String remark = check.run();
            System.out.println("ok " + prefix + "-" + name + (remark == null ? "" : ": " + remark));
        } catch (Exception | AssertionError e) {
            System.out.println("FAIL " + prefix + "-" + name + ": " + describe(e));
        }
    }

    static void expect(Object want, Object got, String what) {
        if (!want.equals(got)) {
            throw new AssertionError(what + ": want " + want + ", got " + got);
        }
    }

    static void expect(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(otherwise);
        }
    }

    /** One line, not too long. */
    static String describe(Throwable thrown) {
        String text = (thrown instanceof AssertionError ? thrown.getMessage() : thrown.toString()).replaceAll("\\s+", " ");
        return text.length() <= 400 ? text : text.substring(0, 400) + "...";
    }
}
