package com.example.triple;

/**
 * {@code Client HOST:PORT}: checks that calls through this address behave as calls to the server do.
 *
 * <p>{@code Client HOST:PORT errors} calls a service that does not exist instead. The exit code is 0 if all is well.
 */
public final class Client {
    private Client() {}

    public static void main(String[] args) {
        boolean errors = args.length == 2 && args[1].equals("errors");
        if (args.length != 1 && !errors) {
            System.err.println("usage: Client HOST:PORT [errors]");
            System.exit(2);
        }
        Remote remote = new Remote(args[0]);
        Peer.configure("triple-example-client");
        Report report = new Report();
        if (errors) {
            report.check("missing-service", new FaultChecks(report, remote)::missingService);
        } else {
            new ValueChecks(report, remote).run();
            new FaultChecks(report, remote).run();
            new RoutingChecks(report, remote).run();
            new FlowChecks(report, remote).run();
            new StreamChecks(report, remote).run();
            new GreeterChecks(report, remote).run();
        }
        System.exit(report.failed() ? 1 : 0);
    }
}
