package com.example.shop;

/** What all instances of a service agree on, and the checks know. */
public final class Rules {
    /** The most that a change may say. */
    public static final int LIMIT = 1000;

    private Rules() {
    }

    /** The answer to a question about an article. */
    public static int valueOf(String article) {
        return Math.floorMod(article.hashCode(), LIMIT);
    }

    /** Makes a change, or refuses it. */
    public static Answer change(String article, int value, String instance) throws RefusedException {
        if (value > LIMIT) {
            throw new RefusedException(instance + " has no " + value + " of " + article, LIMIT);
        }
        return new Answer(article, value, instance);
    }
}
