package com.example.api;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** An object with most of what a serialization has a form for: nested objects, lists, maps, a date, bytes, nulls. */
public class Profile implements Serializable {
    private static final long serialVersionUID = 1L;

    private String name;
    private String nickname;
    private int age;
    private double score;
    private boolean active;
    private Date born;
    private byte[] photo;
    private List<Address> addresses;
    private Map<String, List<String>> labels;

    public String getName() { return name; }

    public void setName(String name) { this.name = name; }

    public String getNickname() { return nickname; }

    public void setNickname(String nickname) { this.nickname = nickname; }

    public int getAge() { return age; }

    public void setAge(int age) { this.age = age; }

    public double getScore() { return score; }

    public void setScore(double score) { this.score = score; }

    public boolean isActive() { return active; }

    public void setActive(boolean active) { this.active = active; }

    public Date getBorn() { return born; }

    public void setBorn(Date born) { this.born = born; }

    public byte[] getPhoto() { return photo; }

    public void setPhoto(byte[] photo) { this.photo = photo; }

    public List<Address> getAddresses() { return addresses; }

    public void setAddresses(List<Address> addresses) { this.addresses = addresses; }

    public Map<String, List<String>> getLabels() { return labels; }

    public void setLabels(Map<String, List<String>> labels) { this.labels = labels; }

    @Override
    public boolean equals(Object other) {
        return other instanceof Profile p
                && Objects.equals(name, p.name)
                && Objects.equals(nickname, p.nickname)
                && age == p.age
                && score == p.score
                && active == p.active
                && Objects.equals(born, p.born)
                && Arrays.equals(photo, p.photo)
                && Objects.equals(addresses, p.addresses)
                && Objects.equals(labels, p.labels);
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, nickname, age, score, active, born, Arrays.hashCode(photo), addresses, labels);
    }

    @Override
    public String toString() {
        return "Profile{name=" + name + ", nickname=" + nickname + ", age=" + age + ", score=" + score + ", active=" + active
                + ", born=" + (born == null ? "null" : born.getTime()) + ", photo=" + Arrays.toString(photo)
                + ", addresses=" + addresses + ", labels=" + labels + "}";
    }
}
