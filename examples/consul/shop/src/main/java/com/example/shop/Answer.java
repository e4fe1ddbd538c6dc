package com.example.shop;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** What a service answers: a number, and by which instances it came. */
public final class Answer implements Serializable {
    private static final long serialVersionUID = 1;

    private String article;
    private int value;
    private List<String> by = new ArrayList<>();

    /** For the serializations. */
    public Answer() {
    }

    public Answer(String article, int value, String instance) {
        this.article = article;
        this.value = value;
        by.add(instance);
    }

    /** Notes an instance that the answer is passed on by, and returns the answer. */
    public Answer passedOnBy(String instance) {
        by.add(instance);
        return this;
    }

    public String getArticle() {
        return article;
    }

    public void setArticle(String article) {
        this.article = article;
    }

    public int getValue() {
        return value;
    }

    public void setValue(int value) {
        this.value = value;
    }

    /** The instance that made the answer, and then those that passed it on. */
    public List<String> getBy() {
        return by;
    }

    public void setBy(List<String> by) {
        this.by = by;
    }
}
