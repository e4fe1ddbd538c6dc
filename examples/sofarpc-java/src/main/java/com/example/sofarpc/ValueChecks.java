package com.example.sofarpc;

import static com.example.sofarpc.Checks.same;

/** Synchronous hessian2 calls: what was sent comes back equal. */
final class ValueChecks {
    private static final int MEBIBYTE = 1 << 20;

    /** Hessian writes long strings in chunks of at most this many UTF-16 units. */
    private static final int CHUNK = 0x8000;

    private final EchoService echo;

    ValueChecks(Services services) {
        echo = services.echo();
    }

    void run(Checks checks) {
        checks.check("hessian-string", () -> same("hello", echo.echo("hello")));
        checks.check("hessian-empty-string", () -> same("", echo.echo("")));
        checks.check("hessian-null", () -> same(null, echo.echo(null)));
        checks.check("hessian-object", () -> same(Order.sample(7), echo.echoOrder(Order.sample(7))));
        checks.check("hessian-null-object", () -> same(null, echo.echoOrder(null)));
        checks.check("hessian-large-string", this::largeString);
        checks.check("hessian-unicode", this::unicode);
    }

    private void largeString() {
        StringBuilder text = new StringBuilder(MEBIBYTE);
        for (int i = 0; text.length() < MEBIBYTE; i++) {
            text.append(i).append(' ');
        }
        text.setLength(MEBIBYTE);
        same(text.toString(), echo.echo(text.toString()));
    }

    private void unicode() {
        String text = "\u0000 \u007f \u0080 \u00e9 \u07ff \u0800 \uffff \u202e \ud834\udd1e \ud83d\ude00 \udbff\udfff";
        same(text, echo.echo(text));
        for (int before = CHUNK - 2; before <= CHUNK; before++) {
            String split = "a".repeat(before) + "\ud83d\ude00" + "z";
            same(split, echo.echo(split));
        }
    }
}
