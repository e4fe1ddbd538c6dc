package com.example.shop;

/** A service does not do what it is asked for. */
public final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;

    private final int limit;

    public RefusedException(String message, int limit) {
        super(message);
        this.limit = limit;
    }

    public int getLimit() {
        return limit;
    }
}
