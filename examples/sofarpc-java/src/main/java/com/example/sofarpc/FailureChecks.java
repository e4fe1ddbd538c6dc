package com.example.sofarpc;

import static com.example.sofarpc.Checks.expect;
import static com.example.sofarpc.Checks.same;
import static com.example.sofarpc.Checks.thrown;

import com.alipay.sofa.rpc.core.exception.SofaTimeOutException;

/** Calls that fail: the exception on this side is the one that belongs there, and later calls are not disturbed. */
final class FailureChecks {
    private static final int SHORT_MILLIS = 300;
    private static final int SLEEP_MILLIS = 2000;

    private final EchoService echo;
    private final EchoService impatient;

    FailureChecks(Services services) {
        echo = services.echo();
        impatient = services.of(EchoService.class).setTimeout(SHORT_MILLIS).refer();
    }

    void run(Checks checks) {
        checks.check("business-exception", this::businessException);
        checks.check("undeclared-exception", this::undeclaredException);
        checks.check("timeout", this::timeout);
        checks.check("late-answer", this::lateAnswer);
    }

    private void businessException() {
        Order order = Order.sample(1);
        OrderException e = thrown(OrderException.class, () -> echo.reject(order, 42));
        same("no order for " + order.customer(), e.getMessage());
        same(42, e.code());
    }

    private void undeclaredException() {
        IllegalStateException e = thrown(IllegalStateException.class, () -> echo.fail("out of order"));
        same("out of order", e.getMessage());
    }

    private void timeout() {
        long start = System.nanoTime();
        thrown(SofaTimeOutException.class, () -> impatient.sleep("late", SLEEP_MILLIS));
        long millis = (System.nanoTime() - start) / 1_000_000;
        expect(millis >= SHORT_MILLIS - 50, "timed out after only " + millis + " ms");
        expect(millis < SLEEP_MILLIS, "timed out after " + millis + " ms");
    }

    /** The answer to a call that was given up arrives while another one is waiting on the same connection. */
    private void lateAnswer() {
        thrown(SofaTimeOutException.class, () -> impatient.sleep("late", SLEEP_MILLIS));
        same("at once", echo.echo("at once"));
        same("patient", echo.sleep("patient", SLEEP_MILLIS));
        same("after", echo.echo("after"));
    }
}
