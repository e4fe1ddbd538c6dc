package com.example.triple;

import static com.example.triple.Report.expect;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** Values go there and back unharmed. */
final class ValueChecks {
    private static final int MEBI = 1 << 20;

    private final Report report;
    private final Remote remote;

    ValueChecks(Report report, Remote remote) {
        this.report = report;
        this.remote = remote;
    }

    void run() {
        report.check("hessian2-string", () -> strings(remote.refer(Echo.class)));
        report.check("hessian2-unicode", () -> unicode(remote.refer(Echo.class)));
        report.check("hessian2-null", () -> nulls(remote.refer(Echo.class)));
        report.check("hessian2-pojo", () -> pojo(remote.refer(Echo.class)));
        report.check("hessian2-1mib-string", () -> large(remote.refer(Echo.class)));
    }

    /** Lengths around the sizes of frames and windows, too. */
    private static void strings(Echo echo) {
        for (int length : new int[] {0, 1, 31, 32, 1023, 1024, 16384, 65535, 65536}) {
            String text = "x".repeat(length);
            expect(text, echo.text(text), "echo");
        }
    }

    private static void unicode(Echo echo) {
        String text = "Grüße, \u0001 Ελλάδα, \u07ff\u0800 世界, e\u0301, \uffee, \ud83d\ude80 \ud834\udd1e \udbff\udffd";
        expect(text, echo.text(text), "echo");
    }

    private static void nulls(Echo echo) {
        expect(echo.text(null) == null, "null text came back as something");
        expect(echo.order(null) == null, "null order came back as something");
    }

    private static void pojo(Echo echo) {
        Order previous = new Order();
        previous.setCustomer("Ada \ud83d\ude80");
        previous.setNumber(Long.MIN_VALUE);
        Order order = new Order();
        order.setNumber(Long.MAX_VALUE);
        order.setTotal(98.6);
        order.setLines(new ArrayList<>(List.of("engine", "notes")));
        order.setPrevious(previous);
        expect(order.toString(), echo.order(order).toString(), "echo");
        expect(new Order().toString(), echo.order(new Order()).toString(), "echo of an empty order");
    }

    private static void large(Echo echo) {
        StringBuilder text = new StringBuilder(MEBI);
        while (text.length() < MEBI) {
            text.append((char) ThreadLocalRandom.current().nextInt(' ', '~' + 1));
        }
        expect(text.toString(), echo.text(text.toString()), "echo of 1 MiB");
    }
}
