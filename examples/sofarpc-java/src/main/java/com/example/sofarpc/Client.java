package com.example.sofarpc;

/** Calls the services of {@link Server} through the address given to it and checks every answer. */
public final class Client {
    private static final int LIMIT_SECONDS = 55;

    private Client() {
    }

    public static void main(String[] args) {
        Services services = new Services(args[0]);
        Checks checks = new Checks();
        checks.limit(LIMIT_SECONDS);
        if (args.length > 1 && args[1].equals("errors")) {
            new MissingChecks(services).run(checks);
        } else {
            new ValueChecks(services).run(checks);
            new FailureChecks(services).run(checks);
            new CallChecks(services).run(checks);
            new CallbackChecks(services).run(checks);
            new ServiceChecks(services).run(checks);
        }
        System.exit(checks.exitCode());
    }
}
