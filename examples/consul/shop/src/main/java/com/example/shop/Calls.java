package com.example.shop;

import static com.example.shop.Report.expect;

import java.util.List;

/** Single calls, each with a look at the whole answer. */
final class Calls {
    private final Remote remote;
    private final List<String> passedOnBy;

    /** {@code passedOnBy} are the instances that each answer must have come by, after the one that made it. */
    Calls(Remote remote, List<String> passedOnBy) {
        this.remote = remote;
        this.passedOnBy = passedOnBy;
    }

    /** Asks, and returns the name of the instance that answered. */
    String ask(int n) throws Exception {
        String article = "article " + n;
        return judge(remote.ask(article), article, Rules.valueOf(article));
    }

    /** Changes something, and returns the name of the instance that did it. */
    String change(int n) throws Exception {
        String article = "article " + n;
        int value = n % Rules.LIMIT;
        return judge(remote.change(article, value), article, value);
    }

    private String judge(Answer answer, String article, int value) {
        expect(article, answer.getArticle(), "article");
        expect(value, answer.getValue(), article);
        List<String> by = answer.getBy();
        expect(passedOnBy, by.subList(1, by.size()), article + " passed on by");
        return by.get(0);
    }
}
