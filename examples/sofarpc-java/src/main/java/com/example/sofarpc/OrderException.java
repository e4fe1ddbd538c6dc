package com.example.sofarpc;

/** The business exception that {@link EchoService} declares. */
public class OrderException extends Exception {
    private static final long serialVersionUID = 1;

    private final int code;

    public OrderException(String message, int code) {
        super(message);
        this.code = code;
    }

    public int code() {
        return code;
    }
}
