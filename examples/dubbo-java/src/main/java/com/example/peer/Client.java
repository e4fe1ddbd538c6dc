package com.example.peer;

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
        String address = args[0];
        Peer.configure("dubbo-example-client");
        Report report = new Report();
        if (errors) {
            report.check("missing-service", new FaultChecks(report, address)::missingService);
        } else {
            new ValueChecks(report, address).run();
            new FaultChecks(report, address).run();
            new RoutingChecks(report, address).run();
            new FlowChecks(report, address).run();
            new ConnectionChecks(report, address).run();
        }
        System.exit(report.failed() ? 1 : 0);
    }
}
