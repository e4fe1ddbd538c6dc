package com.example.triple;

import static com.example.triple.Report.expect;

import java.util.UUID;
import org.apache.dubbo.rpc.RpcContext;

/** What travels beside the arguments: group, version and attachments. */
final class RoutingChecks {
    private static final int ROUNDS = 20;

    private final Report report;
    private final Remote remote;

    RoutingChecks(Report report, Remote remote) {
        this.report = report;
        this.remote = remote;
    }

    void run() {
        report.check("groups", () -> {
            Variant blue = variant("blue", null);
            Variant green = variant("green", null);
            for (int round = 0; round < ROUNDS; round++) {
                expect("blue null", blue.name(), "group blue");
                expect("green null", green.name(), "group green");
            }
        });
        report.check("versions", () -> {
            Variant first = variant(null, "1.0.0");
            Variant second = variant(null, "2.0.0");
            Variant both = variant("blue", "2.0.0");
            for (int round = 0; round < ROUNDS; round++) {
                expect("null 1.0.0", first.name(), "version 1.0.0");
                expect("null 2.0.0", second.name(), "version 2.0.0");
                expect("blue 2.0.0", both.name(), "group blue, version 2.0.0");
            }
        });
        report.check("attachments", this::attachments);
    }

    private Variant variant(String group, String version) {
        return remote.refer(Variant.class, reference -> {
            reference.setGroup(group);
            reference.setVersion(version);
        });
    }

    /** Attachments are headers of HTTP/2. Dubbo sends them as they are, so it loses what is outside of ASCII. */
    private void attachments() {
        Echo echo = remote.refer(Echo.class);
        for (String value : new String[] {UUID.randomUUID().toString(), "two words, a comma", "x".repeat(5000)}) {
            RpcContext.getClientAttachment().setAttachment("trace-id", value);
            expect(value, echo.attachment("trace-id"), "attachment seen by the server");
            expect(value, RpcContext.getServerContext().getAttachment("echo-trace-id"), "attachment of the response");
        }
        expect(echo.attachment("trace-id") == null, "an attachment stayed for the next call");
        expect("null", RpcContext.getServerContext().getAttachment("echo-trace-id"), "attachment of the last response");
    }
}
