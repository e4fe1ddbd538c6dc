package com.example.triple;

/** A checked exception with fields of its own. */
public class QuotaExceededException extends Exception {
    private static final long serialVersionUID = 1L;

    private String account;
    private int limit;

    public QuotaExceededException() {}

    public QuotaExceededException(String account, int limit) {
        super("account " + account + " is over its limit of " + limit);
        this.account = account;
        this.limit = limit;
    }

    public String getAccount() { return account; }

    public int getLimit() { return limit; }
}
